# A network of its own, and a cluster whose nodes the provider keeps.

provider "google" {
  project = var.project
  region  = var.region
}

resource "google_project_service" "api" {
  for_each = toset(["compute.googleapis.com", "container.googleapis.com"])

  service            = each.value
  disable_on_destroy = false
}

resource "google_compute_network" "cluster" {
  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "cluster" {
  name                     = var.name
  network                  = google_compute_network.cluster.id
  ip_cidr_range            = "10.10.0.0/20"
  private_ip_google_access = true
}

# Images that stand outside the registry of the project are fetched through this.
resource "google_compute_router" "cluster" {
  name    = var.name
  network = google_compute_network.cluster.id
}

resource "google_compute_router_nat" "cluster" {
  name                               = var.name
  router                             = google_compute_router.cluster.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_container_cluster" "cluster" {
  name                = var.name
  location            = var.region
  network             = google_compute_network.cluster.id
  subnetwork          = google_compute_subnetwork.cluster.id
  enable_autopilot    = true
  deletion_protection = var.deletion_protection

  ip_allocation_policy {}

  release_channel {
    channel = "REGULAR"
  }

  private_cluster_config {
    enable_private_nodes = true
  }

  dynamic "master_authorized_networks_config" {
    for_each = length(var.admin_cidrs) == 0 ? [] : [var.admin_cidrs]

    content {
      dynamic "cidr_blocks" {
        for_each = master_authorized_networks_config.value

        content {
          cidr_block = cidr_blocks.value
        }
      }
    }
  }
}
