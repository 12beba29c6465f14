variable "project" {
  description = "Project that everything belongs to and is paid by."
  type        = string
}

variable "region" {
  description = "Region of the cluster; its nodes and volumes are spread over the zones of it."
  type        = string
  default     = "europe-west3"
}

variable "name" {
  description = "Name of the cluster and of its network."
  type        = string
  default     = "cairn"
}

variable "namespace" {
  description = "Namespace of the release."
  type        = string
  default     = "cairn"
}

variable "admin_cidrs" {
  description = "Networks that may reach the API of the cluster; none: every one that has the credentials."
  type        = list(string)
  default     = []
}

variable "image_repository" {
  description = "Where the image of the first installation is, without its tag."
  type        = string
}

variable "image_tag" {
  description = "Its tag: the full hash of a commit."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{40}$", var.image_tag))
    error_message = "The tag is the full hash of a commit, as `make image` gives it."
  }
}

variable "volume_size" {
  description = "Size of the volume of the snapshots."
  type        = string
  default     = "5Gi"
}

variable "deletion_protection" {
  description = "Whether the cluster, and with it the volumes, is kept from being destroyed."
  type        = bool
  default     = true
}
