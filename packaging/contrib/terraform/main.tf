# A canary of a new image: one VM with boot diagnostics on, whose console is read and judged by azpreflight before the
# image is used for others. Pass the id of the image, and how to log in if it comes to that.
#
#   terraform apply -var image_id=... -var subnet_id=... -var resource_group=... -var "ssh_key=$(cat key.pub)"

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0"
    }
  }
}

provider "azurerm" {
  features {}
}

variable "image_id" {
  type        = string
  description = "a managed image or a version of a Compute Gallery; it has azpreflight installed"
}

variable "subnet_id" {
  type = string
}

variable "resource_group" {
  type = string
}

variable "location" {
  type    = string
  default = "westeurope"
}

variable "ssh_key" {
  type = string
}

resource "azurerm_network_interface" "canary" {
  name                = "canary"
  location            = var.location
  resource_group_name = var.resource_group

  ip_configuration {
    name                          = "first"
    subnet_id                     = var.subnet_id
    private_ip_address_allocation = "Dynamic"
  }
}

resource "azurerm_linux_virtual_machine" "canary" {
  name                  = "canary"
  location              = var.location
  resource_group_name   = var.resource_group
  size                  = "Standard_B2s"
  admin_username        = "azureuser"
  source_image_id       = var.image_id
  network_interface_ids = [azurerm_network_interface.canary.id]

  admin_ssh_key {
    username   = "azureuser"
    public_key = var.ssh_key
  }

  os_disk {
    caching              = "ReadOnly"
    storage_account_type = "Standard_LRS"
  }

  # On, in storage of the platform: without it the console of a VM that nobody reaches is lost.
  boot_diagnostics {}
}

# The report that the VM wrote to its serial console; exit code 1 fails the apply. A VM that is not provisioned after 40
# minutes fails above, and its log is then read by hand, with the same command.
resource "terraform_data" "verdict" {
  triggers_replace = azurerm_linux_virtual_machine.canary.id

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-euc"]
    environment = {
      GROUP = var.resource_group
      VM    = azurerm_linux_virtual_machine.canary.name
    }
    command = <<-EOT
      az vm boot-diagnostics get-boot-log --resource-group "$GROUP" --name "$VM" >boot.log
      azpreflight decode boot.log
    EOT
  }
}
