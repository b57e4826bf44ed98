"""The stand-in, tested over real HTTP and with Split's own clients."""
