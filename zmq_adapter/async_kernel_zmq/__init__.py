"""The desktop home of the kernel: ZMQ sockets, kernelspec and command line."""
