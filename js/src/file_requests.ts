/** Files that Python makes: each request has its own name, and is answered with a file or an error. */

import { type ErrorMessage, type FileMessage, type Outgoing, readFile } from "./messages";

export interface MadeFile {
  name: string;
  content: Blob;
}

/** An error of Python, with its traceback where it is an internal one. */
export class KernelError extends Error {
  constructor(
    readonly title: string,
    detail: string,
    readonly traceback?: string,
  ) {
    super(detail);
  }
}

export interface FileRequests {
  /** Ask for a file. The promise is rejected with a `KernelError` if Python can't make it. */
  ask(kind: string): Promise<MadeFile>;
  arrived(message: FileMessage, buffers: DataView[]): void;
  failed(request: string, message: ErrorMessage): void;
}

export function createFileRequests(send: (message: Outgoing) => void): FileRequests {
  const waiting = new Map<string, PromiseWithResolvers<MadeFile>>();
  const take = (request: string) => {
    const promise = waiting.get(request);
    waiting.delete(request);
    return promise;
  };
  return {
    ask(kind) {
      // All views of a widget receive the answer: a random name identifies the view that sent the request.
      const request = `${kind} ${Math.random().toString(36).slice(2)}`;
      const promise = withResolvers<MadeFile>();
      waiting.set(request, promise);
      send({ t: "export", request, kind });
      return promise.promise;
    },
    arrived(message, buffers) {
      take(message.request)?.resolve({ name: message.name, content: readFile(message, buffers) });
    },
    failed(request, { title, detail, traceback }) {
      take(request)?.reject(new KernelError(title, detail, traceback));
    },
  };
}

interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: Error): void;
}

/** As `Promise.withResolvers`, which older browsers lack. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let [resolve, reject]: [(value: T) => void, (reason: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((resolved, rejected) => {
    [resolve, reject] = [resolved, rejected];
  });
  return { promise, resolve, reject };
}
