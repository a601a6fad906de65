// What 3-D Secure wants to know of the browser and headers don't say. Without it banks just ask more often.
const known = {
  screen_width: screen.width,
  screen_height: screen.height,
  color_depth: screen.colorDepth,
  java_enabled: navigator.javaEnabled?.() ?? false,
  time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
};
for (const form of document.querySelectorAll("form[data-browser]"))
  for (const [name, value] of Object.entries(known)) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.append(input);
  }

// Banks take their time: say that something happens. Only for the eye; a second click is harmless at the server.
for (const form of document.querySelectorAll("form"))
  form.addEventListener("submit", (event) => event.submitter?.classList.add("busy"));
addEventListener("pageshow", () => document.querySelectorAll(".busy").forEach((one) => one.classList.remove("busy")));

document.querySelector("[aria-invalid]")?.focus();
