/** The package's version, put in by the build. */
declare const __VERSION__: string;
/** What the loader calls the widget of this build, of all that a page may hold. */
declare const __KEY__: string;

declare module "*.css";
