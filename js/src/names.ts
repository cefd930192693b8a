/**
 * Records whose keys are names that users choose, such as those of components. `record[name]` and `name in record`
 * would find what every object inherits, such as "constructor", and `record[name] = ...` would change the prototype for
 * "__proto__": such records are read here, and made by spreading or `Object.fromEntries`, which know only own keys.
 */

export const has = (record: object, name: string): boolean => Object.hasOwn(record, name);

export function at<T>(
  record: { readonly [name: string]: T } | null | undefined,
  name: string,
): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
