/** A short word that something was recorded, at the corner of the screen; announced, and gone by itself. */
import { notifications } from "@mantine/notifications";

export const sayDone = (message: string): void => {
  notifications.show({ message, color: "sea", autoClose: 5000, withBorder: true });
};
