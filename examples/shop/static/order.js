// Looks at this very page again until it says something else, and shows that; often at first, then every 5 seconds.
let pause = 500;

async function look() {
  const main = document.querySelector("main");
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const news = page.querySelector("main[data-state]");
    if (news && news.dataset.state !== main.dataset.state) {
      document.title = page.title;
      main.replaceWith(news);
      news.querySelector("h1").focus();
      pause = 500;
    }
  } catch {
    // Offline: look again.
  }
  plan();
}

function plan() {
  if (!("mayChange" in document.querySelector("main").dataset)) return;
  setTimeout(look, pause);
  pause = Math.min(pause * 1.3, 5000);
}

plan();
