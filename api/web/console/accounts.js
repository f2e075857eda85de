/** Accounts: who logs in with a password, as what. For admins. */
import { h } from '../look/dom.js';
import { ask } from '../look/frame.js';
import { said, t } from '../look/texts.js';
import { compare, field, filters, icon_button, nothing } from './parts.js';

const ROLES = ['customer', 'agent', 'supervisor', 'admin'];

export class Accounts {
  constructor(console) {
    this.console = console;
    this.d = console.d;
    /** @type {any[] | null} */ this.accounts = null;
    this.search = '';
    this.role = 'all';
    this.error = '';
  }

  close() {}

  open(is_shown) {
    if (is_shown && !this.is_shown) this.list();
    this.is_shown = is_shown;
  }

  async list() {
    try {
      const accounts = [];
      let cursor;
      do {
        const page = await this.d.http.list_users({ limit: 100, ...(cursor && { cursor }) });
        accounts.push(...page.items);
        ({ cursor } = page);
      } while (cursor);
      [this.accounts, this.error] = [accounts, ''];
    } catch (error) {
      this.error = said(error);
    }
    this.console.redraw();
  }

  part() {
    const set = (members) => {
      Object.assign(this, members);
      this.console.redraw();
    };
    const words = this.search.toLowerCase();
    const shown = (this.accounts ?? []).filter(({ user_id, name, roles }) =>
      (this.role === 'all' || roles.includes(this.role)) && `${user_id} ${name}`.toLowerCase().includes(words));
    return h('section', { class: 'card board', 'aria-label': t('console.accounts') },
      filters({
        label: t('console.accounts.search'), search: this.search, seek: (search) => set({ search }),
        kinds: ['all', ...ROLES].map((key) => ({ key, text: t(`role.${key}`) })), kind: this.role, choose: (role) => set({ role }),
        more: h('button', { type: 'button', class: 'primary tight new', onclick: () => this.edit(null) }, h('acd-icon', { name: 'plus' }), t('account.new')),
      }),
      this.error && h('p', { class: 'note bad' }, this.error),
      !this.accounts ? h('div', { class: 'empty' }, h('div', { class: 'spinner' }))
      : shown.length === 0 ? nothing('user', t(this.accounts.length ? 'console.none' : 'console.accounts.none'))
      : h('ul', { class: 'list accounts', 'aria-label': t('console.accounts') }, shown.sort((one, other) => compare(one.name, other.name)).map((account) => this.row(account))));
  }

  row(account) {
    const { user_id, name, roles, queues } = account;
    return h('li', { key: user_id },
      h('acd-avatar', { name }),
      h('div', { class: 'what' }, h('strong', null, name), h('span', { class: 'small quiet' }, user_id)),
      h('span', { class: 'small quiet clip served' }, queues ? queues.map((id) => this.console.board.name(id)).join(', ') : ''),
      h('span', { class: 'row' }, roles.map((role) => h('span', { key: role, class: 'badge' }, t(`role.${role}`)))),
      icon_button('edit', t('account.edit', { name }), () => this.edit(account)),
      icon_button('trash', t('account.delete', { name }), () => this.remove(account)));
  }

  async edit(account) {
    await ask({
      title: account ? t('account.edit', account) : t('account.new'), yes: t('save'), size: 'wide',
      about: h('div', { class: 'stack' },
        h('div', { class: 'fields' },
          !account && field(t('login.user'), h('input', { name: 'user_id', required: true, maxlength: 128, autocomplete: 'off', autocapitalize: 'none' })),
          field(t('account.name'), h('input', { name: 'name', maxlength: 128, initial: account?.name ?? '', required: Boolean(account), autocomplete: 'off' })),
          field(t('login.password'), h('input', { type: 'password', name: 'password', minlength: 8, maxlength: 128, required: !account, autocomplete: 'new-password' }),
            t(account ? 'account.password.keep' : 'account.password.about'))),
        h('fieldset', { class: 'group' }, h('legend', null, t('account.roles')), h('div', { class: 'row' }, ROLES.map((role) => h('label', { class: 'check' },
          h('input', { type: 'checkbox', name: 'roles', value: role, initial: account ? account.roles.includes(role) : role === 'agent' }), h('span', null, t(`role.${role}`)))))),
        field(t('account.queues'), h('input', { name: 'queues', autocomplete: 'off', initial: account?.queues?.join(', ') ?? '' }), t('account.queues.about'))),
      act: (form) => this.save(account, form),
    });
    this.list();
  }

  save(account, form) {
    const text = (name) => String(form.get(name) ?? '').trim();
    const queues = text('queues').split(/[\s,]+/).filter(Boolean);
    const given = {
      ...(text('name') && { name: text('name') }), roles: form.getAll('roles'),
      ...(form.get('password') && { password: form.get('password') }),
      ...(queues.length || account?.queues ? { queues: queues.length ? queues : null } : {}),
    };
    return account ? this.d.http.update_user(account.user_id, given) : this.d.http.create_user({ user_id: text('user_id'), ...given });
  }

  async remove({ user_id, name }) {
    await ask({
      title: t('account.delete', { name }), about: t('account.delete.about'), yes: t('console.delete'), kind: 'danger',
      act: () => this.d.http.delete_user(user_id),
    });
    this.list();
  }
}
