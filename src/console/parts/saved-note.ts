/** A short word that something was recorded, at the corner of the screen; announced, and gone by itself. */
import { notifications } from "@mantine/notifications";

export const sayDone = (message: string): void => {
  // One word at a time: a pile of them would hide what they speak of.
  notifications.clean();
  notifications.show({ message, color: "sea", autoClose: 5000, withBorder: true });
};
