# Other sources for the build block of azpreflight.pkr.hcl, which stays as it is: name one of them in its `sources`. To
# leave this file out, do not copy it; without it `packer init` needs no plugin for qemu.

packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.1.0"
    }
  }
}

variable "gallery" {
  type        = string
  default     = "images"
  description = "the Azure Compute Gallery"
}

variable "image_version" {
  type    = string
  default = "1.0.0"
}

# Into a Compute Gallery, with no managed image between.
source "azure-arm" "gallery" {
  use_azure_cli_auth = true
  subscription_id    = var.subscription_id
  location           = var.location
  vm_size            = "Standard_D2s_v5"
  os_type            = "Linux"
  image_publisher    = "Debian"
  image_offer        = "debian-12"
  image_sku          = "12-gen2"

  shared_image_gallery_destination {
    subscription   = var.subscription_id
    resource_group = var.resource_group
    gallery_name   = var.gallery
    image_name     = "debian-12-azpreflight"
    image_version  = var.image_version
    target_region {
      name = var.location
    }
  }
}

# From within a VM on Azure, on a disk that is attached and mounted, and never booted. Provisioners run as root in a chroot;
# sudo, which the build block uses, has to be in the image.
source "azure-chroot" "debian" {
  subscription_id   = var.subscription_id
  source            = "Debian:debian-12:12-gen2:latest"
  image_resource_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.resource_group}/providers/Microsoft.Compute/images/debian-12-azpreflight"
}

# On any machine, for a VHD that is uploaded afterwards. `azpreflight image` proves the finished disk once more:
#   azpreflight image output-debian/packer-debian
source "qemu" "debian" {
  iso_url          = "debian-12-azure-amd64.qcow2"
  iso_checksum     = "none"
  disk_image       = true
  format           = "raw"
  accelerator      = "kvm"
  ssh_username     = "debian"
  ssh_timeout      = "10m"
  shutdown_command = "" # the user is gone after seal: the last provisioner's VM is switched off by Packer
}
