/** Why the daemon cannot start. */
export type StartErrorCode = 'NO_MPTCP' | 'MPTCP_DISABLED' | 'NO_EVENTS' | 'NO_CAPABILITY' | 'ALREADY_RUNNING';

/** The daemon cannot start; the message says what is wrong and what mends it. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
