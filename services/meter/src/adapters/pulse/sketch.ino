// Counts the pulses of a meter on an ESP32 and pushes them to Wattribute every 10 s.
//
// Wiring: the phototransistor in front of the meter's LED, or the S0 output, between PULSE_PIN and GND. Needs nothing but the ESP32 core for Arduino.
// The counter may restart with the device: Wattribute goes on where it was.

#include <HTTPClient.h>
#include <WiFi.h>

const char *WIFI_NAME = "my-wifi";
const char *WIFI_PASSWORD = "my-password";
const char *URL = "http://192.168.1.10:8014/push/pulse/meter";
const char *TOKEN = "a-long-secret-of-its-own";

const int PULSE_PIN = 27;
const uint32_t PUSH_EVERY_MS = 10000;
// Shorter than the shortest time between two pulses: 1000 imp/kWh at 20 kW are 180 ms apart.
const uint32_t BOUNCE_MS = 40;

volatile uint32_t pulses = 0;
volatile uint32_t lastPulseMs = 0;
volatile uint32_t intervalMs = 0;
uint32_t bootId;

void IRAM_ATTR onPulse() {
  uint32_t now = millis();
  if (pulses > 0 && now - lastPulseMs < BOUNCE_MS) return;
  if (pulses > 0) intervalMs = now - lastPulseMs;
  lastPulseMs = now;
  pulses = pulses + 1;
}

void setup() {
  bootId = esp_random();
  pinMode(PULSE_PIN, INPUT_PULLUP);
  attachInterrupt(digitalPinToInterrupt(PULSE_PIN), onPulse, FALLING);
  WiFi.mode(WIFI_STA);
  WiFi.setAutoReconnect(true);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
}

void loop() {
  static uint32_t pushedMs = 0;
  if (millis() - pushedMs < PUSH_EVERY_MS || WiFi.status() != WL_CONNECTED) {
    delay(20);
    return;
  }
  pushedMs = millis();

  noInterrupts();
  uint32_t count = pulses, last = lastPulseMs, interval = intervalMs, now = millis();
  interrupts();

  String body = "{\"pulse_count\":" + String(count) + ",\"uptime_ms\":" + String(now) + ",\"boot_id\":\"" + String(bootId, HEX) + "\"";
  if (count > 0) body += ",\"since_pulse_ms\":" + String(now - last);
  if (interval > 0) body += ",\"interval_ms\":" + String(interval);
  body += "}";

  HTTPClient http;
  http.setTimeout(5000);
  http.begin(URL);
  http.addHeader("Content-Type", "application/json");
  http.addHeader("Authorization", String("Bearer ") + TOKEN);
  // What is not taken now is in the count of the next push.
  http.POST(body);
  http.end();
}
