output "cluster" {
  description = "Name and place of the cluster, for `gcloud container clusters get-credentials`."
  value       = "${google_container_cluster.cluster.name} --location ${google_container_cluster.cluster.location}"
}

output "release" {
  description = "Name and namespace of the release."
  value       = "${helm_release.cairn.name} --namespace ${helm_release.cairn.namespace}"
}
