// @ts-check
/// <reference path="./cloudroom.d.ts" />
/**
 * The names of an older SDK, for pages written against it: global functions, and callback holders that the page fills.
 *
 *     CRVideo_LoginSuccess.callback = function (userID, cookie) { CRVideo_InitQueueDat(); };
 *     CRVideo_Login(tenant, md5(secret), 'Kim', 'kim', '', 'my cookie');
 *
 * A classic script over the module dispatcher.js, which it loads from where it came from itself, or from the host of
 * CRVideo_SetServerAddr. Every name is there as soon as the script has run. A cookie never leaves the page.
 *
 * @typedef {import('./types.js').Agent} Agent
 * @typedef {import('./types.js').Assignment} Assignment
 * @typedef {import('./types.js').Call} Call
 * @typedef {import('./types.js').Contact} Contact
 * @typedef {import('./types.js').Queue} Queue
 * @typedef {import('./types.js').QueueStatus} QueueStatus
 * @typedef {import('./dispatcher.js').Dispatcher} Dispatcher
 */
(() => {
  'use strict';

  const VERSION = '0.1.0';
  const HOME = /** @type {HTMLScriptElement | null} */ (document.currentScript)?.src || location.href;
  const USERS_SHOWN = 100;
  const ASSIGNMENTS_KEPT = 256;
  const TOKEN_S = 86400;

  /** The numbers that pages compare with, by the end of their names (CRVideo_NOERR …). */
  const NUMBERS = {
    NOERR: 0, PARAM_ERR: 5, ANCTPSWD_ERR: 7, SERVER_EXCEPTION: 8, KICKOUT_BY_RELOGIN: 10, NOT_LOGIN: 12, TOKEN_TIMEOUT: 18,
    TOKEN_APPIDNOTEXIST: 20, TOKEN_AUTH_FAILED: 21, API_NO_PERMISSION: 23, QUE_ID_INVALID: 400, QUE_NOUSER: 401,
    QUE_USER_CANCELLED: 402, QUE_SERVICE_NOT_START: 403, ALREADY_OTHERQUE: 404, INVALID_CALLID: 600, CALL_EXIST: 601,
    BUSY: 602, OFFLINE: 603, NOANSWER: 604, USER_NOT_FOUND: 605, REFUSE: 606,
  };
  const { NOERR, KICKOUT_BY_RELOGIN, NOT_LOGIN, TOKEN_TIMEOUT, QUE_USER_CANCELLED, NOANSWER, REFUSE } = NUMBERS;
  /** The connection is lost. The server never says it: here it is made. */
  const LINE_LOST = 204;

  /** What each callback is called with. @type {Record<CallbackNames, string>} */
  const CALLBACKS = {
    CRVideo_LoginSuccess: 'userID cookie',
    CRVideo_LoginFail: 'sdkErr cookie',
    CRVideo_UpdateTokenRslt: 'sdkErr',
    CRVideo_LineOff: 'sdkErr',
    CRVideo_NotifyTokenWillExpire: '',
    CRVideo_InitQueueDatRslt: 'sdkErr cookie',
    CRVideo_GetQueueStatusRslt: 'queStatus sdkErr cookie',
    CRVideo_StartServiceRslt: 'queID sdkErr cookie',
    CRVideo_StopServiceRslt: 'queID sdkErr cookie',
    CRVideo_StartQueuingRslt: 'sdkErr cookie',
    CRVideo_StopQueuingRslt: 'sdkErr cookie',
    CRVideo_ReqAssignUserRslt: 'sdkErr queUser cookie',
    CRVideo_ResponseAssignUserRslt: 'sdkErr cookie',
    CRVideo_SetDNDStatusSuccess: 'cookie',
    CRVideo_SetDNDStatusFail: 'sdkErr cookie',
    CRVideo_GetUserStatusSuccess: 'userStatuses cookie',
    CRVideo_GetUserStatusFail: 'sdkErr cookie',
    CRVideo_StartUserStatusNotifyRslt: 'sdkErr cookie',
    CRVideo_StopUserStatusNotifyRslt: 'sdkErr cookie',
    CRVideo_NotifyUserStatus: 'userStatus',
    CRVideo_CallSuccess: 'callID cookie',
    CRVideo_CallFail: 'callID sdkErr cookie',
    CRVideo_AcceptCallSuccess: 'callID cookie',
    CRVideo_AcceptCallFail: 'callID sdkErr cookie',
    CRVideo_RejectCallSuccess: 'callID cookie',
    CRVideo_RejectCallFail: 'callID sdkErr cookie',
    CRVideo_HangupCallSuccess: 'callID cookie',
    CRVideo_HangupCallFail: 'callID sdkErr cookie',
    CRVideo_HungupCallSuccess: 'callID cookie',
    CRVideo_HungupCallFail: 'callID sdkErr cookie',
    CRVideo_NotifyCallIn: 'callID meetObj callerID usrExtDat',
    CRVideo_NotifyCallAccepted: 'callID meetObj usrExtDat',
    CRVideo_NotifyCallRejected: 'callID sdkErr usrExtDat',
    CRVideo_NotifyCallHangup: 'callID usrExtDat',
    CRVideo_NotifyCallHungup: 'callID usrExtDat',
    CRVideo_SendCmdRslt: 'taskID sdkErr cookie',
    CRVideo_NotifyCmdData: 'userID data',
    CRVideo_QueueStatusChanged: 'queStatus',
    CRVideo_QueuingInfoChanged: 'queuingInfo',
    CRVideo_AutoAssignUser: 'queUser',
    CRVideo_CancelAssignUser: 'queID userID',
    CRVideo_UserEnter: 'queID queUser',
    CRVideo_UserLeave: 'queID userID inService',
  };

  /**
   * Call what the page has set. Its mistakes are its own.
   * @template {CallbackNames} Name @param {Name} name @param {Told<Name>} args
   */
  function fire(name, ...args) {
    const { callback } = /** @type {Holder<Told<Name>>} */ (globalThis[name]);
    if (typeof callback !== 'function') return;
    try {
      callback(...args);
    } catch (error) {
      console.error(error);
    }
  }

  // The page's shapes of ours

  /** @param {string} id @returns {QueID} */
  const que_id = (id) => (/^(0|[1-9][0-9]{0,14})$/.test(id) ? Number(id) : id);
  /** @param {unknown} value */
  const text = (value) => (value === undefined || value === null ? '' : String(value));
  /** @param {Pick<QueueStatus, 'queue_id' | 'agent_num' | 'wait_num' | 'srv_num'>} status @returns {QueStatus} */
  const que_status = ({ queue_id, agent_num, wait_num, srv_num }) => ({ queID: que_id(queue_id), agent_num, wait_num, srv_num });
  /** @param {Contact} contact @returns {QueUser} */
  const que_user = ({ queue_id, customer_id, name, queuing_time_s, ext }) => (
    { queID: que_id(queue_id), userID: customer_id, nickname: name, queuingTime: queuing_time_s, usrExtDat: ext }
  );
  const NO_USER = { queID: -1, userID: '', nickname: '', queuingTime: 0, usrExtDat: '' };
  /** @type {Record<string, number>} */
  const USER_STATUS = { offline: 0, idle: 1, busy: 2, in_call: 3 };
  /** @param {{ user_id: string, status: string, dnd: number }} status @returns {UserStatus} */
  const user_status = ({ user_id, status, dnd }) => ({ userID: user_id, userStatus: USER_STATUS[status], DNDType: dnd });
  /** A call's meeting, if the page gives one: without it the other party's stays. @param {any} meetObj */
  const meeting_of = (meetObj) => {
    const is_none = meetObj === undefined || meetObj === null || meetObj === '' || JSON.stringify(meetObj) === '{}';
    return is_none ? {} : { meeting: meetObj };
  };

  /**
   * Read all pages of a list.
   * @template Item @param {(page: { cursor?: string }) => Promise<{ items: Item[], cursor?: string | null }>} list
   */
  async function all_of(list) {
    /** @type {Item[]} */
    const items = [];
    for (let /** @type {string | null | undefined} */ cursor = ''; cursor !== null && cursor !== undefined; ) {
      const page = await list(cursor ? { cursor } : {});
      items.push(...page.items);
      cursor = page.cursor;
    }
    return items;
  }

  /** Who waits in a queue that the user serves, in order, kept by its events; more than is shown is not all known. */
  class Line {
    /** @param {string} queue_id @param {Dispatcher['list_contacts']} list */
    constructor(queue_id, list) {
      this.queue_id = queue_id;
      this.list = list;
      /** @type {Contact[]} */ this.contacts = [];
      this.is_cut = false;
      /** What came while the line is read. @type {[string, Contact][] | null} */ this.missed = null;
      this.is_behind = false;
    }

    async load() {
      // What is being read may be from before the change that this call is about.
      this.is_behind = Boolean(this.missed);
      if (this.missed) return;
      /** @type {[string, Contact][]} */
      const missed = [];
      this.missed = missed;
      const page = await this.list({ queue_id: this.queue_id }).catch(() => null);
      this.missed = null;
      const { is_behind } = this;
      if (page) {
        this.contacts = page.items;
        this.is_cut = Boolean(page.cursor);
        // What came meanwhile may be in the list already, or not: both end the same.
        for (const [event, contact] of missed) this.apply(event, contact);
      }
      if (is_behind) await this.load();
    }

    /** @param {string} event @param {Contact} contact */
    apply(event, contact) {
      if (this.missed) this.missed.push([event, contact]);
      this.contacts = this.contacts.filter(({ contact_id }) => contact_id !== contact.contact_id);
      if (event === 'contact.entered') this.insert(contact);
      else if (this.is_cut && this.contacts.length < USERS_SHOWN) this.load();
    }

    /** @param {Contact} contact */
    insert(contact) {
      const is_behind = (/** @type {Contact} */ other) => (
        other.queued_at > contact.queued_at || (other.queued_at === contact.queued_at && other.contact_id > contact.contact_id)
      );
      const index = this.contacts.findIndex(is_behind);
      if (index >= 0) this.contacts.splice(index, 0, contact);
      else if (!this.is_cut) this.contacts.push(contact);
    }
  }

  /** One login: from its success until the line goes off. */
  class Session {
    /** @param {Dispatcher} dispatcher @param {(() => Promise<string>) | null} renew makes a newer token */
    constructor(dispatcher, renew) {
      this.d = dispatcher;
      this.renew = renew;
      /** Why it ended, as the page is told. @type {number | null} */
      this.line_off = null;
      /** @type {Queue[]} */ this.queues = [];
      /** @type {Map<string, Line>} */ this.lines = new Map();
      /** @type {Set<string>} */ this.announced = new Set();
      /** The last one of each queue and customer. @type {Map<string, string>} */ this.assignment_ids = new Map();
      this.seen = this.d.state.contact ?? null;
      this.seen_at = performance.now();
      this.d.state.assignments.forEach((assignment) => this.remember(assignment));
      this.follow();
    }

    get me() {
      return this.d.state.user.user_id;
    }

    follow() {
      const { d } = this;
      d.on('closed', (error) => this.ended(error));
      d.on('state', () => this.look());
      d.on('token.expiring', () => this.expiring());
      d.on('queue.status', (status) => fire('CRVideo_QueueStatusChanged', que_status(status)));
      d.on('queue.resync', ({ queue_id }) => this.lines.get(queue_id)?.load());
      d.on('contact.entered', (contact) => this.entered(contact));
      d.on('contact.left', (contact) => this.left(contact));
      d.on('assignment.offered', (assignment) => this.offered(assignment));
      d.on('assignment.cancelled', (assignment) => this.cancelled(assignment));
      d.on('call.incoming', (call) => this.ringing(call));
      d.on('call.accepted', ({ call_id, meeting, ext }) => fire('CRVideo_NotifyCallAccepted', call_id, meeting ?? {}, ext));
      d.on('call.rejected', ({ call_id, reason, ext }) => {
        fire('CRVideo_NotifyCallRejected', call_id, reason === 'no_answer' ? NOANSWER : REFUSE, ext);
      });
      d.on('call.ended', ({ call_id, ext }) => {
        fire('CRVideo_NotifyCallHangup', call_id, ext);
        fire('CRVideo_NotifyCallHungup', call_id, ext);
      });
      d.on('user.status', (status) => fire('CRVideo_NotifyUserStatus', user_status(status)));
      d.on('message', ({ from, data }) => fire('CRVideo_NotifyCmdData', from, data));
    }

    /** @param {{ errno: number }} error */
    ended({ errno }) {
      if (this.line_off !== null) return;
      if (errno === KICKOUT_BY_RELOGIN) this.line_off = KICKOUT_BY_RELOGIN;
      // A session that was let in is sent away for its token alone.
      else if (errno === NOT_LOGIN || errno === TOKEN_TIMEOUT) this.line_off = TOKEN_TIMEOUT;
      else this.line_off = LINE_LOST;
      if (session === this) session = null;
      fire('CRVideo_LineOff', this.line_off);
    }

    /** End it without a word. */
    close() {
      this.line_off = NOT_LOGIN;
      if (session === this) session = null;
      this.d.close();
    }

    /** A page that logged in with a secret need not care for a token it never saw. */
    expiring() {
      if (!this.renew) return fire('CRVideo_NotifyTokenWillExpire');
      this.renew().then((token) => this.d.renew(token)).catch((error) => console.error(error));
    }

    /** Notice what the live state says of the own contact. */
    look() {
      const contact = this.d.state.contact ?? null;
      if (contact === this.seen) return;
      this.seen = contact;
      this.seen_at = performance.now();
      fire('CRVideo_QueuingInfoChanged', this.queuing_info());
    }

    queuing_info() {
      const { contact, call, assignments } = this.d.state;
      if (contact && contact.state !== 'serving') {
        const waited_s = contact.state === 'preparing' ? 0 : Math.floor((performance.now() - this.seen_at) / 1000);
        const queuingTime = contact.queuing_time_s + waited_s;
        return { queID: que_id(contact.queue_id), position: contact.position ?? 0, queuingTime };
      }
      const is_talking = contact || call || assignments.some(({ state }) => state === 'serving');
      return { queID: is_talking ? -2 : -1, position: 0, queuingTime: 0 };
    }

    session_info() {
      const { call } = this.d.state;
      if (!call) return NO_SESSION;
      const meeting = /** @type {any} */ (call.meeting);
      const is_mine = call.caller_id === this.me;
      return {
        callID: call.call_id,
        peerID: is_mine ? call.callee_id : call.caller_id,
        peerName: is_mine ? call.callee_name : call.caller_name,
        bCallAccepted: call.state === 'answered',
        meetingID: meeting?.ID ?? 0,
        meetingPswd: meeting?.pswd ?? '',
        duration: Math.max(0, Math.floor((this.d.now() - call.started_at) / 1000)),
      };
    }

    serving_queues() {
      return (this.d.state.agent?.queues ?? []).map(({ queue_id }) => queue_id);
    }

    is_called() {
      return this.d.state.call?.callee_id === this.me;
    }

    // Queues

    async init() {
      await this.refresh();
      await Promise.all(this.serving_queues().map((queue_id) => this.line(queue_id).load()));
    }

    async refresh() {
      this.queues = await all_of((page) => this.d.list_queues({ ...page, status: true }));
      return this.queues;
    }

    /** @param {string} queue_id */
    line(queue_id) {
      const line = this.lines.get(queue_id) ?? new Line(queue_id, (args) => this.d.list_contacts(args));
      this.lines.set(queue_id, line);
      return line;
    }

    /** @param {string} queue_id @param {number} [priority] */
    async start_service(queue_id, priority) {
      const line = this.line(queue_id);
      const agent = await this.d.start_service({ queue_id, ...(priority === undefined ? {} : { priority }) });
      await line.load();
      return agent;
    }

    /** @param {string} queue_id */
    async stop_service(queue_id) {
      await this.d.stop_service({ queue_id });
      this.lines.delete(queue_id);
    }

    /** @param {Contact} contact */
    entered(contact) {
      if (contact.customer_id === this.me) return;
      this.lines.get(contact.queue_id)?.apply('contact.entered', contact);
      fire('CRVideo_UserEnter', que_id(contact.queue_id), que_user(contact));
    }

    /** @param {Contact} contact */
    left(contact) {
      if (contact.customer_id === this.me) return;
      this.lines.get(contact.queue_id)?.apply('contact.left', contact);
      fire('CRVideo_UserLeave', que_id(contact.queue_id), contact.customer_id, contact.reason === 'in_service');
    }

    // Assignments, which the page knows by queue and customer

    /** @param {Assignment} assignment */
    remember({ assignment_id, contact: { queue_id, customer_id } }) {
      const key = `${queue_id}/${customer_id}`;
      this.assignment_ids.delete(key);
      this.assignment_ids.set(key, assignment_id);
      if (this.assignment_ids.size <= ASSIGNMENTS_KEPT) return;
      const [oldest] = this.assignment_ids.keys();
      this.assignment_ids.delete(oldest);
    }

    /**
     * The last assignment of a customer in a queue, also where it has ended: the server knows how.
     * @param {QueID} queID @param {string} userID
     */
    assignment_id(queID, userID) {
      const id = this.assignment_ids.get(`${queID}/${userID}`);
      if (!id) throw { errno: QUE_USER_CANCELLED };
      return id;
    }

    /** @param {Assignment} assignment */
    offered(assignment) {
      this.remember(assignment);
      if (assignment.requested) return;
      this.announced.add(assignment.assignment_id);
      fire('CRVideo_AutoAssignUser', que_user(assignment.contact));
    }

    /** @param {{ queue_id?: string, customer_id?: string }} args */
    async request(args) {
      const assignment = await this.d.request_assignment(args);
      this.remember(assignment);
      return assignment;
    }

    /** @param {Assignment} assignment */
    cancelled({ reason, contact }) {
      // Of these two the page is told as the caller.
      if (reason === 'refused' || reason === 'no_answer') return;
      fire('CRVideo_CancelAssignUser', que_id(contact.queue_id), contact.customer_id);
    }

    /** @param {Call} call */
    ringing({ call_id, meeting, caller_id, ext }) {
      fire('CRVideo_NotifyCallIn', call_id, meeting ?? {}, caller_id, ext);
    }

    /** Tell what is still to be answered, to a page that came back; once, if it came meanwhile. */
    announce() {
      const { assignments, call } = this.d.state;
      for (const assignment of assignments) {
        const is_open = assignment.state === 'offered' || (assignment.state === 'accepted' && !call);
        if (is_open && !this.announced.has(assignment.assignment_id)) this.offered(assignment);
      }
      this.announced.clear();
      if (call && this.is_called() && call.state === 'ringing') this.ringing(call);
    }

    // People

    /** Those whom a page can name without a list of everybody: himself, his parties, who waits, who serves beside him. */
    async people() {
      const { assignments, call, contact } = this.d.state;
      const queues = this.serving_queues();
      const waiting = queues.flatMap((queue_id) => this.line(queue_id).contacts);
      const agents = await Promise.all(queues.map((queue_id) => this.d.http.list_queue_agents(queue_id)));
      const ids = [
        this.me,
        ...(call ? [call.caller_id, call.callee_id] : []),
        ...(contact?.agent_id ? [contact.agent_id] : []),
        ...[...assignments.map((one) => one.contact), ...waiting].map(({ customer_id }) => customer_id),
        ...agents.flatMap(({ items }) => items.map(({ agent_id }) => agent_id)),
      ];
      const found = [...new Set(ids)].map((user_id) => this.d.get_user_status({ user_id }).catch(() => null));
      return (await Promise.all(found)).filter(Boolean);
    }
  }

  const NO_SESSION = Object.freeze({
    callID: '', peerID: '', peerName: '', bCallAccepted: false, meetingID: 0, meetingPswd: '', duration: 0,
  });

  /** The login that holds. @type {Session | null} */
  let session = null;
  let server = '';
  /** Logins go one after another; a logout makes those before it void. */
  let logging_in = Promise.resolve();
  let logouts = 0;
  let tasks = 0;

  /** @returns {Promise<typeof import('./dispatcher.js')>} */
  const load = () => import(server ? `${server}/sdk/dispatcher.js` : new URL('dispatcher.js', HOME).href);
  const base = () => server || new URL(HOME).origin;

  /**
   * The number of an error: of a session that has ended, why it did.
   * @param {any} error @param {Session | null} asked
   */
  function number_of(error, asked) {
    if (asked && asked.line_off !== null) return asked.line_off;
    if (typeof error?.errno === 'number') return error.errno;
    console.error(error);
    return NUMBERS.SERVER_EXCEPTION;
  }

  /**
   * Do something in the login that holds; then call `done(sdkErr, result)`, never at once.
   * @template Result @param {(asked: Session) => Promise<Result>} what
   * @param {(sdkErr: number, result?: Result) => void} done
   */
  async function act(what, done) {
    const asked = session;
    /** @type {number} */
    let sdkErr = NOERR;
    let result;
    try {
      if (!asked) throw { errno: NOT_LOGIN };
      result = await what(asked);
    } catch (error) {
      await null;
      sdkErr = number_of(error, asked);
    }
    done(sdkErr, result);
  }

  /**
   * @param {(module: Pick<typeof import('./dispatcher.js'), 'login'>) => Promise<string>} token_of
   * @param {Cookie} cookie @param {boolean} renews whether `token_of` makes a newer one each time
   */
  function log_in(token_of, cookie, renews) {
    const logouts_before = logouts;
    logging_in = logging_in.then(async () => {
      try {
        const { connect, ...module } = await load().catch(() => Promise.reject({ errno: LINE_LOST }));
        if (session) session.close();
        const renew = () => token_of(module);
        const dispatcher = await connect(base(), await renew(), { reconnect: false });
        if (logouts !== logouts_before) {
          dispatcher.close();
          throw { errno: NOT_LOGIN };
        }
        session = new Session(dispatcher, renews ? renew : null);
        fire('CRVideo_LoginSuccess', session.me, cookie);
      } catch (/** @type {any} */ error) {
        // No node answered.
        const is_lost = error?.code === 'UNAVAILABLE' || error?.code === 'OUTCOME_UNKNOWN';
        fire('CRVideo_LoginFail', is_lost ? LINE_LOST : number_of(error, null), cookie);
      }
    });
  }

  /**
   * The end of most calls: Success or Fail.
   * @param {('Call' | 'AcceptCall' | 'RejectCall' | 'HangupCall' | 'HungupCall')[]} names
   * @param {string} callID @param {Cookie} cookie @returns {(sdkErr: number, call?: Call) => void}
   */
  const call_done = (names, callID, cookie) => (sdkErr, call) => {
    for (const name of names) {
      if (call) fire(`CRVideo_${name}Success`, call.call_id, cookie);
      else fire(`CRVideo_${name}Fail`, callID, sdkErr, cookie);
    }
  };
  /** @param {Cookie} cookie @returns {(sdkErr: number, statuses?: any[]) => void} */
  const statuses_done = (cookie) => (sdkErr, statuses) => {
    if (statuses) fire('CRVideo_GetUserStatusSuccess', statuses.map(user_status), cookie);
    else fire('CRVideo_GetUserStatusFail', sdkErr, cookie);
  };
  /**
   * @param {'CRVideo_StartQueuingRslt' | 'CRVideo_StopQueuingRslt' | 'CRVideo_ResponseAssignUserRslt'
   *   | 'CRVideo_StartUserStatusNotifyRslt' | 'CRVideo_StopUserStatusNotifyRslt'} name
   * @param {Cookie} cookie @returns {(sdkErr: number) => void}
   */
  const result_done = (name, cookie) => (sdkErr) => fire(name, sdkErr, cookie);
  /** @param {Cookie} cookie @returns {(sdkErr: number, assignment?: Assignment) => void} */
  const asked_done = (cookie) => (sdkErr, assignment) => {
    fire('CRVideo_ReqAssignUserRslt', sdkErr, assignment ? que_user(assignment.contact) : NO_USER, cookie);
  };

  /** @type {Pick<typeof globalThis, FunctionNames>} */
  const FUNCTIONS = {
    CRVideo_Init(params) {
      // The module is fetched now, so that the login need not wait for it. Who sets another server later fetches it there.
      return load().then(() => undefined, () => undefined);
    },
    CRVideo_Uninit() {
      FUNCTIONS.CRVideo_Logout();
    },
    CRVideo_SetSDKParams(obj) {},
    CRVideo_SetServerAddr(addr) {
      const given = text(addr).trim().replace(/\/+$/, '');
      const scheme = new URL(HOME).protocol === 'https:' ? 'https:' : 'http:';
      server = given && !/^https?:\/\//.test(given) ? `${scheme}//${given}` : given;
    },
    CRVideo_GetSDKVersion() {
      return VERSION;
    },

    CRVideo_Login(appID, md5_appSecret, nickName, userID, userAuthCode, cookie) {
      const who = {
        tenant: text(appID), secret_md5: text(md5_appSecret), user_id: text(userID), name: text(nickName) || text(userID),
        roles: ['customer', 'agent'], ttl_s: TOKEN_S,
      };
      log_in(async ({ login }) => (await login(base(), who)).token, cookie, true);
    },
    CRVideo_LoginByToken(token, nickName, userID, userAuthCode, cookie) {
      log_in(async () => text(token), cookie, false);
    },
    CRVideo_Logout() {
      logouts += 1;
      if (session) session.close();
    },
    CRVideo_UpdateToken(token) {
      act(({ d }) => d.renew(text(token)), (sdkErr) => fire('CRVideo_UpdateTokenRslt', sdkErr));
    },

    CRVideo_InitQueueDat(cookie) {
      act((asked) => asked.init().then(() => asked), (sdkErr, asked) => {
        fire('CRVideo_InitQueueDatRslt', sdkErr, cookie);
        if (sdkErr === NOERR && asked === session) asked.announce();
      });
    },
    CRVideo_GetAllQueueInfo() {
      const queues = session ? session.queues : [];
      return queues.map((queue) => (
        { queID: que_id(queue.queue_id), name: queue.name, desc: queue.description, prio: queue.priority }
      ));
    },
    CRVideo_RefreshAllQueueStatus(nolog) {
      act((asked) => asked.refresh(), (sdkErr, queues = []) => {
        for (const { status } of queues) if (status) fire('CRVideo_GetQueueStatusRslt', que_status(status), NOERR, undefined);
      });
    },
    CRVideo_GetQueueStatus(queID, cookie) {
      const none = { queue_id: text(queID), agent_num: 0, wait_num: 0, prepare_num: 0, srv_num: 0, longest_wait_s: 0 };
      act(({ d }) => d.get_queue_status({ queue_id: text(queID) }), (sdkErr, status = none) => {
        fire('CRVideo_GetQueueStatusRslt', que_status(status), sdkErr, cookie);
      });
    },
    CRVideo_GetQueuingInfo() {
      return session ? session.queuing_info() : { queID: -1, position: 0, queuingTime: 0 };
    },
    CRVideo_GetServingQueues() {
      return session ? session.serving_queues().map(que_id) : [];
    },
    CRVideo_GetSessionInfo() {
      return { ...(session ? session.session_info() : NO_SESSION) };
    },
    CRVideo_GetQueueUsers(queID) {
      const line = session && session.lines.get(text(queID));
      return line ? line.contacts.slice(0, USERS_SHOWN).map(que_user) : [];
    },
    CRVideo_StartService(queID, priority, cookie) {
      act((asked) => asked.start_service(text(queID), priority), (sdkErr) => {
        fire('CRVideo_StartServiceRslt', queID, sdkErr, cookie);
      });
    },
    CRVideo_StopService(queID, cookie) {
      act((asked) => asked.stop_service(text(queID)), (sdkErr) => fire('CRVideo_StopServiceRslt', queID, sdkErr, cookie));
    },
    CRVideo_StartQueuing(queID, usrExtDat, cookie) {
      const args = { queue_id: text(queID), ext: text(usrExtDat) };
      act(({ d }) => d.start_queuing(args), result_done('CRVideo_StartQueuingRslt', cookie));
    },
    CRVideo_StopQueuing(cookie) {
      // Pages send it on every incoming call: it must not end the contact that the call belongs to.
      const stop = async (/** @type {Session} */ asked) => asked.is_called() || asked.d.stop_queuing();
      act(stop, result_done('CRVideo_StopQueuingRslt', cookie));
    },
    CRVideo_ReqAssignUser(cookie) {
      act((asked) => asked.request({}), asked_done(cookie));
    },
    CRVideo_ReqAssignUser2(queID, userID, cookie) {
      act((asked) => asked.request({ queue_id: text(queID), customer_id: text(userID) }), asked_done(cookie));
    },
    CRVideo_AcceptAssignUser(queID, userID, cookie) {
      const accept = (/** @type {Session} */ asked) => asked.d.accept({ assignment_id: asked.assignment_id(queID, userID) });
      act(accept, result_done('CRVideo_ResponseAssignUserRslt', cookie));
    },
    CRVideo_RejectAssignUser(queID, userID, cookie) {
      const reject = (/** @type {Session} */ asked) => asked.d.reject({ assignment_id: asked.assignment_id(queID, userID) });
      act(reject, result_done('CRVideo_ResponseAssignUserRslt', cookie));
    },

    CRVideo_SetDNDStatus(n, cookie) {
      act(({ d }) => d.set_dnd({ dnd: Number(n) }), (sdkErr) => {
        if (sdkErr === NOERR) fire('CRVideo_SetDNDStatusSuccess', cookie);
        else fire('CRVideo_SetDNDStatusFail', sdkErr, cookie);
      });
    },
    CRVideo_GetUserStatus(cookie) {
      act((asked) => asked.people(), statuses_done(cookie));
    },
    CRVideo_GetOneUserStatus(userID, cookie) {
      act(async ({ d }) => [await d.get_user_status({ user_id: text(userID) })], statuses_done(cookie));
    },
    CRVideo_StartUserStatusNotify(cookie) {
      act(({ d }) => d.watch_users(), result_done('CRVideo_StartUserStatusNotifyRslt', cookie));
    },
    CRVideo_StopUserStatusNotify(cookie) {
      act(({ d }) => d.unwatch_users(), result_done('CRVideo_StopUserStatusNotifyRslt', cookie));
    },

    CRVideo_Call(userID, meetObj, usrExtDat, cookie) {
      const args = { callee: text(userID), ...meeting_of(meetObj), ext: text(usrExtDat) };
      act(({ d }) => d.call(args), call_done(['Call'], '', cookie));
    },
    CRVideo_AcceptCall(callID, meetObj, usrExtDat, cookie) {
      const args = { call_id: text(callID), ...meeting_of(meetObj), ext: text(usrExtDat) };
      act(({ d }) => d.accept_call(args), call_done(['AcceptCall'], callID, cookie));
    },
    CRVideo_RejectCall(callID, usrExtDat, cookie) {
      const args = { call_id: text(callID), ext: text(usrExtDat) };
      act(({ d }) => d.reject_call(args), call_done(['RejectCall'], callID, cookie));
    },
    CRVideo_HangupCall(callID, usrExtDat, cookie) {
      const args = { call_id: text(callID), ext: text(usrExtDat) };
      act(({ d }) => d.hangup(args), call_done(['HangupCall', 'HungupCall'], callID, cookie));
    },
    CRVideo_HungupCall(callID, usrExtDat, cookie) {
      FUNCTIONS.CRVideo_HangupCall(callID, usrExtDat, cookie);
    },
    CRVideo_SendCmd(userID, data, cookie) {
      tasks += 1;
      const taskID = String(tasks);
      act(({ d }) => d.send_cmd({ to: text(userID), data: text(data) }), (sdkErr) => {
        fire('CRVideo_SendCmdRslt', taskID, sdkErr, cookie);
      });
      return taskID;
    },
  };

  // What the page sees. Holders that a page has made already keep what it put into them.
  const page = /** @type {Record<string, any>} */ (globalThis);
  for (const name of Object.keys(CALLBACKS)) page[name] = page[name] ?? { callback: null };
  for (const [name, number] of Object.entries(NUMBERS)) page[`CRVideo_${name}`] = number;
  Object.assign(page, FUNCTIONS);
  globalThis.CRVideo = { sdkver: VERSION, callbacks: CALLBACKS, functions: Object.keys(FUNCTIONS) };
})();
