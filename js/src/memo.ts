/** A function that recomputes only when one of its arguments has changed. */
export function memo<A extends unknown[], R>(make: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | null = null;
  return (...args) => {
    const same =
      last?.args.length === args.length && args.every((value, i) => Object.is(value, last?.args[i]));
    if (!last || !same) last = { args, result: make(...args) };
    return last.result;
  };
}
