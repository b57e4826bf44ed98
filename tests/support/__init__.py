"""What tests of several folders share; what one folder alone uses stands beside its tests."""
