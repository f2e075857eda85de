// A classic script in the head, so that no page is shown in the wrong theme or language for a moment.
{
  const kept = (name) => {
    try { return localStorage.getItem(name); } catch { return null; }
  };
  const theme = kept('acd.theme');
  if (theme) document.documentElement.dataset.theme = theme;
  const language = kept('acd.language') ?? navigator.languages.find((one) => /^(en|zh)\b/.test(one)) ?? 'en';
  document.documentElement.lang = language.startsWith('zh') ? 'zh' : 'en';
  // The texts come with the modules, and not after them.
  document.head.append(Object.assign(document.createElement('link'), {
    rel: 'modulepreload', href: `/web/texts/${document.documentElement.lang}.js`,
  }));
  if (window.top !== window) document.documentElement.dataset.embedded = '';
}
