// Loaded where there is a diagram, by mkdocs-mermaid2-plugin: a diagram that comes near the view imports
// the site's own Mermaid, unless another one has, and is drawn.
(() => {
  const address = new URL("mermaid/mermaid.esm.min.mjs", document.currentScript.src);
  let loading;
  let drawn = 0;
  window.mermaid = {
    initialize: (options) => {
      const load = async () => {
        const { default: mermaid } = await import(address);
        mermaid.initialize(options);
        return mermaid;
      };
      const draw = async (diagram) => {
        const mermaid = await (loading ??= load());
        const { svg } = await mermaid.render(`diagram-${drawn++}`, diagram.textContent, diagram);
        diagram.innerHTML = svg;
      };
      const near = new IntersectionObserver((entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          near.unobserve(target);
          draw(target);
        }
      }, { rootMargin: "400px" });
      document.querySelectorAll("div.mermaid").forEach((diagram) => near.observe(diagram));
    },
  };
})();
