/** The tenant's options. For admins. */
import { h } from '../look/dom.js';
import { toast } from '../look/frame.js';
import { said, t } from '../look/texts.js';
import { field } from './parts.js';

export class Options {
  constructor(console) {
    this.console = console;
    this.d = console.d;
    this.options = null;
    this.error = '';
    this.number = 0;
  }

  close() {}

  open(is_shown) {
    if (is_shown && !this.is_shown) this.read();
    this.is_shown = is_shown;
  }

  async read() {
    try {
      [this.options, this.error] = [await this.d.http.get_tenant(), ''];
      this.number++;
    } catch (error) {
      this.error = said(error);
    }
    this.console.redraw();
  }

  part() {
    const { options } = this;
    const zones = Intl.supportedValuesOf('timeZone');
    return h('section', { class: 'card board options', 'aria-label': t('console.options') },
      this.error && h('p', { class: 'note bad', role: 'alert' }, this.error),
      !options ? h('div', { class: 'empty' }, h('div', { class: 'spinner' }))
      : h('form', { key: this.number, class: 'stack', onsubmit: (event) => this.save(event) },
        h('div', { class: 'fields' },
          field(t('option.customer_grace'), seconds('customer_grace', options), t('option.customer_grace.about')),
          field(t('option.agent_grace'), seconds('agent_grace', options), t('option.agent_grace.about')),
          field(t('option.time_zone'), h('select', { name: 'time_zone', initial: options.time_zone },
            [...new Set(['UTC', options.time_zone, ...zones])].map((zone) => h('option', { value: zone }, zone))), t('option.time_zone.about')),
          field(t('option.customer_reach'), h('select', { name: 'customer_reach', initial: options.customer_reach },
            ['assigned', 'all'].map((reach) => h('option', { value: reach }, t(`option.customer_reach.${reach}`)))), t('option.customer_reach.about'))),
        field(t('option.origins'), h('textarea', { name: 'origins', rows: 3, initial: options.origins.join('\n'), placeholder: 'https://shop.example' }), t('option.origins.about')),
        h('fieldset', { class: 'group' }, h('legend', null, t('option.legacy_login')),
          h('p', { class: 'small quiet' }, t(options.legacy_login ? 'option.legacy_login.on' : 'option.legacy_login.off')),
          h('div', { class: 'fields' },
            field(t('option.legacy_login.new'), h('input', { type: 'password', name: 'legacy_login', minlength: 8, maxlength: 128, autocomplete: 'new-password' }), t('option.legacy_login.about')),
            options.legacy_login && h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'legacy_off' }), h('span', null, t('option.legacy_login.end'))))),
        options.former_secret && h('p', { class: 'note warn' }, t('option.former_secret')),
        h('div', { class: 'row' }, h('button', { class: 'primary' }, t('save')))));
  }

  async save(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const legacy = String(form.get('legacy_login') ?? '');
    try {
      await this.d.http.update_tenant({
        customer_grace: Number(form.get('customer_grace')), agent_grace: Number(form.get('agent_grace')), time_zone: form.get('time_zone'),
        customer_reach: form.get('customer_reach'), origins: String(form.get('origins')).split(/[\s,]+/).filter(Boolean),
        ...(form.has('legacy_off') ? { legacy_login: '' } : legacy && { legacy_login: legacy }),
      });
      toast(t('saved'));
      await this.read();
    } catch (error) {
      this.error = said(error);
      this.console.redraw();
    }
  }
}

const seconds = (name, options) => h('span', { class: 'unit' },
  h('input', { type: 'number', name, min: 1, max: 86_400, step: 1, required: true, initial: options[name] }), h('span', { class: 'quiet', 'aria-hidden': 'true' }, 's'));
