"""The service under the Redis users of config/acl."""
