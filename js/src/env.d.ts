/** The version of the package, inserted by the build. */
declare const __VERSION__: string;
/** The name of this build's widget, which distinguishes it from others on the same page. */
declare const __KEY__: string;

declare module "*.css";
