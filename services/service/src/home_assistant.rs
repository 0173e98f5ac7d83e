//! The connection to Home Assistant: its WebSocket and REST APIs.
