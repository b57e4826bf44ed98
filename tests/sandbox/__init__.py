"""The stand-in, looked at through real HTTP and through Split's own clients."""
