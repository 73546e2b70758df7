"""`imagefolder`: one folder of images a class, the layout of torchvision's ImageFolder.

- `source`         the function: keys, labels and notes
- `class_folders`  finds the class folders, and the files that lie elsewhere
- `layout_checks`  refuses trees whose folders are no classes, and notes what is unusual
"""
