variable "project" {
  description = "Project that everything belongs to and is paid by."
  type        = string
}

variable "zone" {
  description = "Zone of both machines."
  type        = string
  default     = "europe-west3-a"
}

variable "name" {
  description = "Beginning of the names of everything that is made."
  type        = string
  default     = "jenkins"
}

variable "server_machine_type" {
  description = "Machine of the server, which orders the work."
  type        = string
  default     = "e2-medium"
}

variable "agent_machine_type" {
  description = "Machine of the agent, which does it: the tests want two cores and some memory."
  type        = string
  default     = "e2-standard-4"
}

variable "agent_public_key" {
  description = "Public SSH key with which the server reaches its agent; the private one is a credential of Jenkins."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) [A-Za-z0-9+/=]+( \\S+)?$", var.agent_public_key))
    error_message = "It is one line of an OpenSSH public key."
  }
}
