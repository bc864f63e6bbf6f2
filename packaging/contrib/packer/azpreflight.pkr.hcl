# An image of Debian for Azure that is proven to be generalised before it is captured. Take the build block's
# provisioners into your own template: yours come between 3 and 4, and nothing comes after 5.
#
#   packer init . && packer build -var subscription_id=... -var resource_group=... -var package=azpreflight.deb .

packer {
  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = ">= 2.0.0"
    }
  }
}

variable "subscription_id" {
  type = string
}

variable "resource_group" {
  type        = string
  description = "where the managed image goes"
}

variable "location" {
  type    = string
  default = "westeurope"
}

variable "package" {
  type        = string
  description = "azpreflight's package, on this machine"
}

source "azure-arm" "debian" {
  use_azure_cli_auth                = true
  subscription_id                   = var.subscription_id
  location                          = var.location
  vm_size                           = "Standard_D2s_v5"
  os_type                           = "Linux"
  image_publisher                   = "Debian"
  image_offer                       = "debian-12"
  image_sku                         = "12-gen2"
  managed_image_name                = "debian-12-azpreflight"
  managed_image_resource_group_name = var.resource_group
}

build {
  sources = ["source.azure-arm.debian"]

  # 1: cloud-init may still be at work when Packer can log in. Its exit code 2 is "done, with warnings".
  provisioner "shell" {
    inline = ["cloud-init status --wait || [ $? -eq 2 ]"]
  }

  # 2: install azpreflight.
  provisioner "file" {
    source      = var.package
    destination = "/tmp/azpreflight.deb"
  }

  provisioner "shell" {
    execute_command  = "{{ .Vars }} sudo -n -E sh -eu '{{ .Path }}'"
    environment_vars = ["DEBIAN_FRONTEND=noninteractive"]
    inline = [
      "apt-get -q update",
      "apt-get -q install --yes /tmp/azpreflight.deb",
      "rm /tmp/azpreflight.deb",
    ]
  }

  # 3: what will stop VMs made from this, as early as it can be known. Run it as often as you like. Exit codes other than
  # 0 end the build: 1 findings, 3 a check whose failure would be an error could not look. The log has the text; the JSON
  # is for programs, and readable for the user who fetches it, which reports of root are not by themselves.
  provisioner "shell" {
    execute_command = "{{ .Vars }} sudo -n -E sh -eu '{{ .Path }}'"
    inline = [
      "trap 'chmod 0644 /tmp/azpreflight.json' EXIT",
      "azpreflight check --stage build --report /tmp/azpreflight.json",
    ]
  }

  provisioner "file" {
    direction   = "download"
    source      = "/tmp/azpreflight.json"
    destination = "azpreflight.json"
  }

  # 4: your own provisioners.

  # 5: the last one. Everything in one process of root, because afterwards nobody can log in or use sudo.
  #
  # * sh -eu, and no inline_shebang: "/bin/sh -x", which many templates have, drops -e, and then only the status of the
  #   last command counts.
  # * skip_clean, because Packer would remove its script through a login that does not exist any more.
  # * The report of step 3 tells of this machine, and does not belong into an image.
  # * Nothing after it, not even a file to download: the report is on standard output and so in Packer's log.
  # * Exit 4: refused, nothing was changed. Exit 5: changed, and not verified. Either ends the build, so that nothing is
  #   captured. Neither belongs into valid_exit_codes.
  provisioner "shell" {
    execute_command = "{{ .Vars }} sudo -n -E sh -eu '{{ .Path }}'"
    inline          = ["rm -f /tmp/azpreflight.json", "exec azpreflight seal --yes"]
    skip_clean      = true
  }

  # Where step 3 finds something, its report is fetched all the same, before the VM is deleted.
  error-cleanup-provisioner "file" {
    direction   = "download"
    source      = "/tmp/azpreflight.json"
    destination = "azpreflight.json"
  }
}
