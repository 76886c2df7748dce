//! Where arrays lie in a file: header bytes in, members out, header bytes out.
