/**
 * From 1.29 on ONNX Runtime's official builds for Linux collect usage data, write a device id and a cache into the home
 * folder and a log into the temporary one, and upload them. The runtime reads this variable once, when its library is
 * loaded. Whoever wants to take part sets it to 0.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
