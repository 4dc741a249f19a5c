//! Named volumes: create, remove, copy-up of image content.
