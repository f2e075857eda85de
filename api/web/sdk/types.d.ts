// The shapes of the wire, as /openapi.json and /asyncapi.json give them. Times are epoch ms (`*_at`) or seconds (`*_s`).

export type ContactState = "waiting" | "held" | "preparing" | "serving" | "ended";

export interface Contact {
  contact_id: string; customer_id: string; name: string; queue_id: string; state: ContactState;
  /** 1-based, while it waits or is held. */
  position: number | null;
  queued_at: number; queuing_time_s: number; ext: string; agent_id?: string | null; reason?: string | null;
}

export interface Why {
  rule: "order" | "requested_queue" | "requested_customer" | "transfer";
  queue_priority: number; agent_priority: number | null; waited_ms: number; idle_ms: number; others_able: number;
}

export interface Assignment {
  assignment_id: string;
  state: "offered" | "accepted" | "serving" | "completed" | "rejected" | "missed" | "cancelled";
  agent_id: string; contact: Contact; deadline_at: number | null; why: Why; requested: boolean; reason?: string | null;
}

export interface Service { queue_id: string; priority?: number }

export interface Agent {
  agent_id: string; name: string;
  state: "offline" | "busy" | "offered" | "wrapping" | "cooling" | "manual" | "idle";
  since_at: number; dnd: number; dnd_reason?: string | null; queues: Service[]; load: number; capacity: number;
  contacts: string[];
}

export interface Call {
  call_id: string; caller_id: string; caller_name: string; callee_id: string; callee_name: string;
  state: "ringing" | "answered" | "ended"; meeting: unknown;
  ext: string; started_at: number; contact_id?: string | null; reason?: string | null;
}

export interface QueueStatus {
  queue_id: string; agent_num: number; wait_num: number; prepare_num: number; srv_num: number; longest_wait_s: number;
}

export interface Queue {
  queue_id: string; name: string; description: string; priority: number; open: boolean; deleting?: boolean;
  max_waiting: number; max_wait: number; offer_timeout: number; connect_timeout: number; ring_timeout: number;
  reject_cooldown: number; missed_limit: number; wrap_up: number; service_level: number; join_when_no_agents: boolean;
  status?: QueueStatus | null;
}

export interface Snapshot {
  user: { user_id: string; name: string; roles: string[] };
  agent?: Agent | null; contact?: Contact | null; assignments: Assignment[]; call?: Call | null;
  offset: number; epoch: string;
}

/** Everything that one command did. `reset`: there was more before it, which is no longer kept. */
export interface Entry { cursor: string; at: number; events: { event: string; data: any }[]; reset?: boolean }

export interface Page<T> { items: T[]; cursor?: string | null }

export interface Options {
  /** How long a command, and the first connection, may take. */
  timeout_s?: number;
  /** A ping so often; silence for one more such time is a dead connection. */
  heartbeat_s?: number;
  /** The first wait before a new connection is up to that long; it doubles up to 8 s. */
  backoff_s?: number;
  /** Whether a lost connection is made anew; without it, it ends for good. */
  reconnect?: boolean;
  /** A supervisor's watching session: it replaces nothing and is replaced by nothing. */
  watch?: boolean;
  /** Where the platform has none of its own. */
  WebSocket?: typeof WebSocket;
}
