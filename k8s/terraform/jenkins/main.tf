# A server and its agent in a network of their own. Neither has an address that can be reached from outside: who
# administers them comes through the proxy of the provider, which asks for an identity.

provider "google" {
  project = var.project
  zone    = var.zone
}

locals {
  region = join("-", slice(split("-", var.zone), 0, 2))
  image  = "debian-cloud/debian-13"
  # From where the proxy for SSH comes: https://cloud.google.com/iap/docs/using-tcp-forwarding
  proxy_cidrs = ["35.235.240.0/20"]
}

resource "google_compute_network" "jenkins" {
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "jenkins" {
  name                     = var.name
  region                   = local.region
  network                  = google_compute_network.jenkins.id
  ip_cidr_range            = "10.20.0.0/24"
  private_ip_google_access = true
}

# Both fetch packages; nobody comes in this way.
resource "google_compute_router" "jenkins" {
  name    = var.name
  region  = local.region
  network = google_compute_network.jenkins.id
}

resource "google_compute_router_nat" "jenkins" {
  name                               = var.name
  region                             = local.region
  router                             = google_compute_router.jenkins.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_compute_firewall" "proxy" {
  name          = "${var.name}-proxy"
  network       = google_compute_network.jenkins.id
  source_ranges = local.proxy_cidrs

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

resource "google_compute_firewall" "agent" {
  name        = "${var.name}-agent"
  network     = google_compute_network.jenkins.id
  source_tags = ["jenkins-server"]
  target_tags = ["jenkins-agent"]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

# What Jenkins knows outlives the machine.
resource "google_compute_disk" "home" {
  name = "${var.name}-home"
  type = "pd-balanced"
  size = 50

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_compute_instance" "server" {
  name         = "${var.name}-server"
  machine_type = var.server_machine_type
  tags         = ["jenkins-server"]

  boot_disk {
    initialize_params {
      image = local.image
    }
  }

  attached_disk {
    source      = google_compute_disk.home.id
    device_name = "home"
  }

  network_interface {
    subnetwork = google_compute_subnetwork.jenkins.id
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  metadata = {
    enable-oslogin = "TRUE"
    startup-script = file("${path.module}/server.sh")
  }
}

resource "google_compute_instance" "agent" {
  name         = "${var.name}-agent"
  machine_type = var.agent_machine_type
  tags         = ["jenkins-agent"]

  boot_disk {
    initialize_params {
      image = local.image
      size  = 100
    }
  }

  network_interface {
    subnetwork = google_compute_subnetwork.jenkins.id
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  metadata = {
    enable-oslogin = "TRUE"
    startup-script = templatefile("${path.module}/agent.sh.tftpl", {
      public_key = var.agent_public_key
      prepare    = filebase64("${path.module}/../../../scripts/prepare-jenkins-agent.sh")
      test_tools = filebase64("${path.module}/../../../scripts/setup-test-tools.sh")
    })
  }
}
