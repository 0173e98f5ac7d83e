//! Publishing to Home Assistant.
