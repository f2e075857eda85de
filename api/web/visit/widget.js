/**
 * The customer's page as a small widget of another site: a button in the corner that opens it in a frame.
 *
 *   <script src="https://acd.example/web/visit/widget.js" data-tenant="acme" data-queue="sales" data-token="…"
 *     data-label="Talk to us"></script>
 *
 * The site's origin must be among the tenant's `origins`. Without a token the frame asks for a login. While it is
 * closed the button shows the place in the line; it opens by itself when an agent calls. `acdWidget.open()`, `.close()`
 * and `.token(text)` are for the site's own buttons and logins.
 */
{
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const { origin } = new URL(script.src);
  const { tenant = '', queue = '', label = 'Talk to us', language = '' } = script.dataset;
  let token = script.dataset.token ?? '';

  const make = (tag, style, more = {}) => {
    const element = Object.assign(document.createElement(tag), more);
    Object.assign(element.style, style);
    return element;
  };
  const corner = { position: 'fixed', right: '20px', zIndex: '2147483000' };
  const frame = make('iframe', {
    ...corner, bottom: '84px', width: 'min(400px, calc(100vw - 40px))', height: 'min(640px, calc(100vh - 110px))', border: '0',
    borderRadius: '16px', boxShadow: '0 12px 48px rgb(16 24 40 / 30%)', background: 'Canvas', display: 'none',
  }, { title: label, allow: 'autoplay' });
  const button = make('button', {
    ...corner, bottom: '20px', minHeight: '52px', padding: '0 22px', border: '0', borderRadius: '26px', background: '#2c53d6',
    color: '#fff', font: '600 16px/1 system-ui, sans-serif', boxShadow: '0 6px 24px rgb(16 24 40 / 30%)', cursor: 'pointer',
  }, { type: 'button', textContent: label });
  button.setAttribute('aria-expanded', 'false');

  const address = () => {
    const asked = new URLSearchParams({ ...(tenant && { tenant }), ...(queue && { queue }), ...(language && { language }) });
    return `${origin}/visit?${asked}${token && `#token=${encodeURIComponent(token)}`}`;
  };
  const show = (is_open) => {
    if (is_open && !frame.src) frame.src = address();
    frame.style.display = is_open ? 'block' : 'none';
    button.setAttribute('aria-expanded', String(is_open));
    button.textContent = is_open ? '×' : label;
    button.setAttribute('aria-label', is_open ? `${label}: ×` : label);
    if (is_open) frame.focus();
  };
  button.onclick = () => show(frame.style.display === 'none');
  window.addEventListener('message', ({ source, origin: from, data }) => {
    if (source !== frame.contentWindow || from !== origin || !data?.acd) return;
    const { state, position } = data.acd;
    if (state === 'ringing') show(true);
    else if (frame.style.display === 'none') button.textContent = position ? `${label} · ${position}` : label;
  });
  Object.assign(window, {
    acdWidget: {
      open: () => show(true),
      close: () => show(false),
      /** A token of the site's own login; a newer one renews it. */
      token(text) {
        token = text;
        if (frame.src) frame.src = address();
      },
    },
  });
  const stand = () => document.body.append(frame, button);
  if (document.body) stand();
  else document.addEventListener('DOMContentLoaded', stand);
}
