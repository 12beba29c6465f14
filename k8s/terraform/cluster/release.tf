# The first installation of the chart. From then on the pipeline upgrades it, so a later plan does not take that back.

data "google_client_config" "current" {}

provider "helm" {
  kubernetes = {
    host                   = "https://${google_container_cluster.cluster.endpoint}"
    token                  = data.google_client_config.current.access_token
    cluster_ca_certificate = base64decode(google_container_cluster.cluster.master_auth[0].cluster_ca_certificate)
  }
}

resource "helm_release" "cairn" {
  name             = "cairn"
  namespace        = var.namespace
  create_namespace = true
  chart            = "${path.module}/../../cairn"
  atomic           = true
  timeout          = 600

  values = [yamlencode({
    image = {
      repository = var.image_repository
      tag        = var.image_tag
    }
    persistence = {
      size = var.volume_size
    }
  })]

  lifecycle {
    ignore_changes = all
  }
}
