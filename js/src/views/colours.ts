/** Colours that tell components apart, also for the colour-blind (Okabe and Ito 2008), bright enough for a dark sky. */

const COLOURS = ["#56b4e9", "#f0a020", "#2fc08c", "#ee7fb6", "#f0e442", "#e8663c"];

export const colourOf = (index: number): string => COLOURS[index % COLOURS.length] as string;
