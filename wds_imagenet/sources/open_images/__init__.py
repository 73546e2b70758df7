"""open_images.

- `annotations`  What Open Images says is in a photograph: labels by machines, verdicts by people, and boxes.
- `image_files`  The images of Open Images where they are kept: single files, tars or gzipped tars, in any
  folder.
- `photo_ids`  The photographs of Open Images: their ids, and what the image CSV says of each.
- `photos`  All that is known of each photograph, brought together; and what is not in every file said.
- `rotation`  Photographs that are to be turned: what is known of one once it is. Pure.
- `source`  `open_images`: Open Images V1 to V7, from files or from the web.
"""
