//! Tokens in a decoder's cache: computed, taken over, moved to another device.

pub mod prefix_cache;
