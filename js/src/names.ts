/**
 * Reading records whose keys are chosen by users, such as names of components. `record[name]` and `name in record`
 * would also find inherited properties such as "constructor", and `record[name] = ...` would change the prototype for
 * "__proto__". Such records are made by spreading or `Object.fromEntries`, which handle own keys only.
 */

export const has = (record: object, name: string): boolean => Object.hasOwn(record, name);

export function at<T>(
  record: { readonly [name: string]: T } | null | undefined,
  name: string,
): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
