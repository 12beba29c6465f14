output "agent" {
  description = "Address of the agent, as the server reaches it by SSH."
  value       = google_compute_instance.agent.network_interface[0].network_ip
}

output "tunnel" {
  description = "Brings the page of the server to localhost:8080."
  value       = "gcloud compute ssh ${google_compute_instance.server.name} --zone ${var.zone} --tunnel-through-iap -- -L 8080:localhost:8080"
}
