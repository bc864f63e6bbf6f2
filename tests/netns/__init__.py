"""The stand-in for Azure: network namespaces with the platform's real addresses, its servers, and a VM between them."""
