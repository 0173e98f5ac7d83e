//! How data leaves: the data API, the dashboard, exports.
