"""Images for devices without an operating system. Needs a cross compiler, which the packer does not."""

from freeml_pack.firmware.image import check_image, make_image

__all__ = ["check_image", "make_image"]
