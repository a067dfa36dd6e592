// Material draws diagrams through window.mermaid; this one loads the site's own Mermaid on first use.
(() => {
  const address = new URL("mermaid/mermaid.esm.min.mjs", document.currentScript.src);
  let options, loading;
  const load = async () => {
    const { default: mermaid } = await import(address);
    mermaid.initialize({ ...options, suppressErrorRendering: true });
    return mermaid;
  };
  window.mermaid = {
    initialize: (given) => { options = given; },
    render: async (...diagram) => (await (loading ??= load())).render(...diagram),
  };
})();
