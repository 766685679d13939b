/** What can go wrong between a command and a server, beyond the errors that the server answers. */

/** The server cannot be reached: nothing listens there, or the name does not exist. */
export class ServerUnreachableError extends Error {
  override readonly name = 'ServerUnreachableError';
}

/** The server did not answer in time. */
export class ServerTimeoutError extends Error {
  override readonly name = 'ServerTimeoutError';
}

/** What answered is no Stowage server, or one of another version. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';
}
