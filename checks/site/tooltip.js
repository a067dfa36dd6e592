// Whether the first glossary term that the keyboard reaches is then described, on a page that has any.
async () => {
  const terms = [...document.querySelectorAll('article :is(abbr, a[title][href*="glossary.html#"])')].filter((term) => term.checkVisibility());
  const term = terms.find(({ tabIndex }) => tabIndex === 0);
  term?.focus();
  for (let frames = 0; term && frames < 120; frames += 1) {
    const tooltip = document.getElementById(term.getAttribute("aria-describedby"));
    if (tooltip?.innerText.trim() && tooltip.checkVisibility()) break;
    if (frames === 119) return false;
    await new Promise(requestAnimationFrame);
  }
  term?.blur();
  return !!term || !terms.length;
}
