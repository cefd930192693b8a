/** Files from and to the user's disk, and text to the clipboard. */

/** Offer a file for download, as if a link in the widget were clicked. */
export function download(name: string, content: Blob, near: HTMLElement): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.hidden = true;
  near.append(link);
  link.click();
  link.remove();
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Ask the user for a file; null if none was chosen. */
export function chooseFile(accept: string, near: HTMLElement): Promise<File | null> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = accept;
  input.hidden = true;
  near.append(input);
  return new Promise((resolve) => {
    const done = () => {
      input.remove();
      resolve(input.files?.[0] ?? null);
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    input.click();
  });
}

/** Copy text; returns false if there is no clipboard, as in pages without https. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
