// The names that cloudroom.js gives a page. For an editor that shall complete them there:
//     /// <reference path="cloudroom.d.ts" />

/** A number where the queue's id is one. */
type QueID = number | string;
/** Whatever the page gave with the question; it never leaves the page. */
type Cookie = any;
/** 0, a number of the table of errors, or 204: the connection is lost. */
type SdkErr = number;

interface QueUser { queID: QueID; userID: string; nickname: string; queuingTime: number; usrExtDat: string }
interface QueStatus { queID: QueID; agent_num: number; wait_num: number; srv_num: number }
/** `userStatus`: 0 offline, 1 idle, 2 busy, 3 in a call. */
interface UserStatus { userID: string; userStatus: number; DNDType: number }
/** `queID`: -1 not queuing, -2 in a session. */
interface QueuingInfo { queID: QueID; position: number; queuingTime: number }
interface SessionInfo {
  callID: string; peerID: string; peerName: string; bCallAccepted: boolean; meetingID: any; meetingPswd: any;
  duration: number;
}
/** What the page sets, and the SDK calls. */
interface Holder<Args extends unknown[]> { callback: ((...args: Args) => void) | null }

declare var CRVideo: { sdkver: string; callbacks: Record<string, string>; functions: string[] };

declare function CRVideo_Init(params?: object): Promise<void>;
declare function CRVideo_Uninit(): void;
declare function CRVideo_SetSDKParams(obj?: object): void;
declare function CRVideo_SetServerAddr(addr: string): void;
declare function CRVideo_GetSDKVersion(): string;
declare function CRVideo_Login(
  appID: string, md5_appSecret: string, nickName: string, userID: string, userAuthCode?: string, cookie?: Cookie,
): void;
declare function CRVideo_LoginByToken(
  token: string, nickName?: string, userID?: string, userAuthCode?: string, cookie?: Cookie,
): void;
declare function CRVideo_Logout(): void;
declare function CRVideo_UpdateToken(token: string): void;
declare function CRVideo_InitQueueDat(cookie?: Cookie): void;
declare function CRVideo_GetAllQueueInfo(): { queID: QueID; name: string; desc: string; prio: number }[];
declare function CRVideo_RefreshAllQueueStatus(nolog?: boolean): void;
declare function CRVideo_GetQueueStatus(queID: QueID, cookie?: Cookie): void;
declare function CRVideo_GetQueuingInfo(): QueuingInfo;
declare function CRVideo_GetServingQueues(): QueID[];
declare function CRVideo_GetSessionInfo(): SessionInfo;
declare function CRVideo_GetQueueUsers(queID: QueID): QueUser[];
declare function CRVideo_StartService(queID: QueID, priority?: number, cookie?: Cookie): void;
declare function CRVideo_StopService(queID: QueID, cookie?: Cookie): void;
declare function CRVideo_StartQueuing(queID: QueID, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_StopQueuing(cookie?: Cookie): void;
declare function CRVideo_ReqAssignUser(cookie?: Cookie): void;
declare function CRVideo_ReqAssignUser2(queID: QueID, userID: string, cookie?: Cookie): void;
declare function CRVideo_AcceptAssignUser(queID: QueID, userID: string, cookie?: Cookie): void;
declare function CRVideo_RejectAssignUser(queID: QueID, userID: string, cookie?: Cookie): void;
declare function CRVideo_SetDNDStatus(n: number, cookie?: Cookie): void;
declare function CRVideo_GetUserStatus(cookie?: Cookie): void;
declare function CRVideo_GetOneUserStatus(userID: string, cookie?: Cookie): void;
declare function CRVideo_StartUserStatusNotify(cookie?: Cookie): void;
declare function CRVideo_StopUserStatusNotify(cookie?: Cookie): void;
declare function CRVideo_Call(userID: string, meetObj?: any, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_AcceptCall(callID: string, meetObj?: any, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_RejectCall(callID: string, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_HangupCall(callID: string, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_HungupCall(callID: string, usrExtDat?: string, cookie?: Cookie): void;
declare function CRVideo_SendCmd(userID: string, data: string, cookie?: Cookie): string;

declare var CRVideo_LoginSuccess: Holder<[userID: string, cookie: Cookie]>;
declare var CRVideo_LoginFail: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_UpdateTokenRslt: Holder<[sdkErr: SdkErr]>;
declare var CRVideo_LineOff: Holder<[sdkErr: SdkErr]>;
declare var CRVideo_NotifyTokenWillExpire: Holder<[]>;
declare var CRVideo_InitQueueDatRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_GetQueueStatusRslt: Holder<[queStatus: QueStatus, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StartServiceRslt: Holder<[queID: QueID, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StopServiceRslt: Holder<[queID: QueID, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StartQueuingRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StopQueuingRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_ReqAssignUserRslt: Holder<[sdkErr: SdkErr, queUser: QueUser, cookie: Cookie]>;
declare var CRVideo_ResponseAssignUserRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_SetDNDStatusSuccess: Holder<[cookie: Cookie]>;
declare var CRVideo_SetDNDStatusFail: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_GetUserStatusSuccess: Holder<[userStatuses: UserStatus[], cookie: Cookie]>;
declare var CRVideo_GetUserStatusFail: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StartUserStatusNotifyRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_StopUserStatusNotifyRslt: Holder<[sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_NotifyUserStatus: Holder<[userStatus: UserStatus]>;
declare var CRVideo_CallSuccess: Holder<[callID: string, cookie: Cookie]>;
declare var CRVideo_CallFail: Holder<[callID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_AcceptCallSuccess: Holder<[callID: string, cookie: Cookie]>;
declare var CRVideo_AcceptCallFail: Holder<[callID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_RejectCallSuccess: Holder<[callID: string, cookie: Cookie]>;
declare var CRVideo_RejectCallFail: Holder<[callID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_HangupCallSuccess: Holder<[callID: string, cookie: Cookie]>;
declare var CRVideo_HangupCallFail: Holder<[callID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_HungupCallSuccess: Holder<[callID: string, cookie: Cookie]>;
declare var CRVideo_HungupCallFail: Holder<[callID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_NotifyCallIn: Holder<[callID: string, meetObj: any, callerID: string, usrExtDat: string]>;
declare var CRVideo_NotifyCallAccepted: Holder<[callID: string, meetObj: any, usrExtDat: string]>;
declare var CRVideo_NotifyCallRejected: Holder<[callID: string, sdkErr: SdkErr, usrExtDat: string]>;
declare var CRVideo_NotifyCallHangup: Holder<[callID: string, usrExtDat: string]>;
declare var CRVideo_NotifyCallHungup: Holder<[callID: string, usrExtDat: string]>;
declare var CRVideo_SendCmdRslt: Holder<[taskID: string, sdkErr: SdkErr, cookie: Cookie]>;
declare var CRVideo_NotifyCmdData: Holder<[userID: string, data: string]>;
declare var CRVideo_QueueStatusChanged: Holder<[queStatus: QueStatus]>;
declare var CRVideo_QueuingInfoChanged: Holder<[queuingInfo: QueuingInfo]>;
declare var CRVideo_AutoAssignUser: Holder<[queUser: QueUser]>;
declare var CRVideo_CancelAssignUser: Holder<[queID: QueID, userID: string]>;
declare var CRVideo_UserEnter: Holder<[queID: QueID, queUser: QueUser]>;
declare var CRVideo_UserLeave: Holder<[queID: QueID, userID: string, inService: boolean]>;

/** Numbers of errors, to compare with. */
declare const CRVideo_NOERR: 0, CRVideo_PARAM_ERR: 5, CRVideo_ANCTPSWD_ERR: 7, CRVideo_SERVER_EXCEPTION: 8,
  CRVideo_KICKOUT_BY_RELOGIN: 10, CRVideo_NOT_LOGIN: 12, CRVideo_TOKEN_TIMEOUT: 18, CRVideo_TOKEN_APPIDNOTEXIST: 20,
  CRVideo_TOKEN_AUTH_FAILED: 21, CRVideo_API_NO_PERMISSION: 23, CRVideo_QUE_ID_INVALID: 400, CRVideo_QUE_NOUSER: 401,
  CRVideo_QUE_USER_CANCELLED: 402, CRVideo_QUE_SERVICE_NOT_START: 403, CRVideo_ALREADY_OTHERQUE: 404,
  CRVideo_INVALID_CALLID: 600, CRVideo_CALL_EXIST: 601, CRVideo_BUSY: 602, CRVideo_OFFLINE: 603, CRVideo_NOANSWER: 604,
  CRVideo_USER_NOT_FOUND: 605, CRVideo_REFUSE: 606;

/** For cloudroom.js itself: the names of its functions, of its callbacks, and what one of these is called with. */
type FunctionNames = keyof { [Name in keyof typeof globalThis as
  Name extends `CRVideo_${string}` ? (typeof globalThis)[Name] extends Holder<any> ? never : Name : never]: 0 };
type CallbackNames = keyof { [Name in keyof typeof globalThis as
  Name extends `CRVideo_${string}` ? (typeof globalThis)[Name] extends Holder<any> ? Name : never : never]: 0 };
type Told<Name extends CallbackNames> = (typeof globalThis)[Name] extends Holder<infer Args> ? Args : never;
