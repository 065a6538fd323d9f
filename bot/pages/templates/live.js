// Brings the page up to date while it is looked at: fetches it again and swaps <main>. Without this, a page
// reloads itself. Nothing here asks any other host.
"use strict";
(() => {
  const LONGEST = 300;
  let tag = null, misses = 0, timer = 0, busy = false;
  const main = () => document.getElementById("page");
  const every = () => Number(main().dataset.every || 0);

  const status = document.createElement("p");
  status.className = "said";
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  document.body.append(status);

  function swap(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("page");
    if (!next) throw new Error("no page");
    const before = main();
    const focused = before.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    const [x, y] = [scrollX, scrollY];
    const said = before.dataset.said;
    document.title = fresh.title;
    before.replaceWith(document.adoptNode(next));
    if (focused === before) next.focus({ preventScroll: true });
    else if (href) {
      const again = [...next.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === href);
      (again || next).focus({ preventScroll: true });
    }
    scrollTo(x, y);
    if (next.dataset.said && next.dataset.said !== said) status.textContent = next.dataset.said;
  }

  async function look() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(location.href, {
        cache: "no-store",
        credentials: "omit",
        headers: tag ? { "If-None-Match": tag } : {},
      });
      if (answer.status === 200) {
        swap(await answer.text());
        tag = answer.headers.get("ETag");
        misses = 0;
      } else if (answer.status === 304) misses = 0;
      else if (answer.status === 404) {
        location.reload();
        return;
      } else misses += 1;
    } catch {
      misses += 1;
    } finally {
      busy = false;
    }
    wait();
  }

  function wait() {
    clearTimeout(timer);
    if (!every() || document.hidden) return;
    const seconds = Math.min(LONGEST, every() * 2 ** Math.min(misses, 5));
    timer = setTimeout(look, seconds * 1000 * (0.9 + 0.2 * Math.random()));
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : every() && look()));
  wait();
})();
