//! Bridge networks, addresses, published ports, names.
