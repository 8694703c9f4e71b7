// Sets day or night before the first paint: a page that begins white blinds at
// night. It runs before the style sheet, and so is no module.
(() => {
  function kept(key) {
    try {
      return JSON.parse(localStorage.getItem('alpr.' + key));
    } catch {
      return null;
    }
  }
  let theme = kept('theme');
  if (theme !== 'day' && theme !== 'night') theme = kept('night') ? 'night' : kept('night') === false ? 'day' : null;
  if (!theme) theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'night' : 'day';
  document.documentElement.dataset.theme = theme;
})();
